"""Alerts of a backtest from the ledger, on both databases."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from activities.backtest.alerts import LedgerAlerts, Line
from activities.ledger.alert_records import AlertRecords
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, LedgerGone, LedgerUnavailable
from activities.ledger.erasure import SubjectEraser
from activities.ledger.schema import alerts, cases
from activities.signatures import Signer
from tests.activities.ledger.personal_data import SIGNER, closed_case
from tests.activities.ledger.recording import opening
from tests.activities.ledger.test_alert_records import a_record
from tests.workflows.domain.builders import T0, an_alert
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.decision import Verdict
from workflows.domain.case.ports import ReceivedAlert
