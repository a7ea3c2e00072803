"""All rules of a policy folder, each named as the sentence that it enforces."""

from collections.abc import Iterator

from workflows.domain.playbook.lint.alerts_are_grouped_by_what_they_have import (
    alerts_are_grouped_by_what_they_have,
)
from workflows.domain.playbook.lint.appeals_are_answered_in_time import appeals_are_answered_in_time
from workflows.domain.playbook.lint.appeals_reach_somebody_else import appeals_reach_somebody_else
from workflows.domain.playbook.lint.calls_leave_time_to_answer import calls_leave_time_to_answer
from workflows.domain.playbook.lint.clocks_leave_time_to_decide import clocks_leave_time_to_decide
from workflows.domain.playbook.lint.detectors_are_no_people import detectors_are_no_people
from workflows.domain.playbook.lint.durations_stay_within_the_maximum import (
    durations_stay_within_the_maximum,
)
from workflows.domain.playbook.lint.every_condition_can_be_read import every_condition_can_be_read
from workflows.domain.playbook.lint.every_dangerous_action_needs_an_approval import (
    every_dangerous_action_needs_an_approval,
)
from workflows.domain.playbook.lint.every_preset_names_known_actions import (
    every_preset_names_known_actions,
)
from workflows.domain.playbook.lint.every_protection_can_be_taken_back import (
    every_protection_can_be_taken_back,
)
from workflows.domain.playbook.lint.every_role_has_somebody import every_role_has_somebody
from workflows.domain.playbook.lint.every_severity_has_clocks import every_severity_has_clocks
from workflows.domain.playbook.lint.exposures_fit_into_a_day import exposures_fit_into_a_day
from workflows.domain.playbook.lint.finding import Bundle, Finding
from workflows.domain.playbook.lint.forms_of_ids_can_be_read import forms_of_ids_can_be_read
from workflows.domain.playbook.lint.names_are_unique_and_match_their_file import (
    names_are_unique_and_match_their_file,
)
from workflows.domain.playbook.lint.notices_of_decisions_tell_everything import (
    notices_of_decisions_tell_everything,
)
from workflows.domain.playbook.lint.notices_reach_their_person import notices_reach_their_person
from workflows.domain.playbook.lint.overrides_change_a_turn import overrides_change_a_turn
from workflows.domain.playbook.lint.paths_use_known_placeholders import paths_use_known_placeholders
from workflows.domain.playbook.lint.personal_data_is_never_summed import (
    personal_data_is_never_summed,
)
from workflows.domain.playbook.lint.personal_data_is_revealed_to_somebody import (
    personal_data_is_revealed_to_somebody,
)
from workflows.domain.playbook.lint.reasons_and_rules_are_known import reasons_and_rules_are_known
from workflows.domain.playbook.lint.related_look_ups_name_subjects import (
    related_look_ups_name_subjects,
)
from workflows.domain.playbook.lint.reports_are_about_known_shifts import (
    reports_are_about_known_shifts,
)
from workflows.domain.playbook.lint.rosters_have_no_gaps import rosters_have_no_gaps
from workflows.domain.playbook.lint.shifts_are_worked_by_somebody import (
    shifts_are_worked_by_somebody,
)
from workflows.domain.playbook.lint.there_is_exactly_one_catch_all import (
    there_is_exactly_one_catch_all,
)
from workflows.domain.playbook.lint.timed_actions_can_be_undone import timed_actions_can_be_undone
from workflows.domain.playbook.lint.titles_fit_and_speak_both_languages import (
    titles_fit_and_speak_both_languages,
)
from workflows.domain.playbook.lint.undo_approvals_are_for_what_can_be_undone import (
    undo_approvals_are_for_what_can_be_undone,
)

RULES = (
    alerts_are_grouped_by_what_they_have,
    appeals_are_answered_in_time,
    appeals_reach_somebody_else,
    calls_leave_time_to_answer,
    clocks_leave_time_to_decide,
    detectors_are_no_people,
    durations_stay_within_the_maximum,
    every_condition_can_be_read,
    every_dangerous_action_needs_an_approval,
    every_preset_names_known_actions,
    every_protection_can_be_taken_back,
    every_role_has_somebody,
    every_severity_has_clocks,
    forms_of_ids_can_be_read,
    exposures_fit_into_a_day,
    names_are_unique_and_match_their_file,
    notices_of_decisions_tell_everything,
    notices_reach_their_person,
    overrides_change_a_turn,
    paths_use_known_placeholders,
    personal_data_is_never_summed,
    personal_data_is_revealed_to_somebody,
    reasons_and_rules_are_known,
    related_look_ups_name_subjects,
    reports_are_about_known_shifts,
    rosters_have_no_gaps,
    shifts_are_worked_by_somebody,
    there_is_exactly_one_catch_all,
    timed_actions_can_be_undone,
    titles_fit_and_speak_both_languages,
    undo_approvals_are_for_what_can_be_undone,
)


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Everything that any rule finds."""
    for rule in RULES:
        yield from rule(bundle)
