"""Registry of the checks of a policy folder; each is named as the sentence that it enforces."""

from collections.abc import Iterator

from workflows.domain.policy.checks.actions import (
    durations_stay_within_the_maximum,
    every_dangerous_action_needs_an_approval,
    every_protection_can_be_taken_back,
    paths_use_known_placeholders,
    timed_actions_can_be_undone,
    undo_approvals_are_for_what_can_be_undone,
)
from workflows.domain.policy.checks.finding import Bundle, Finding
from workflows.domain.policy.checks.notices import (
    appeals_are_answered_in_time,
    appeals_reach_somebody_else,
    notices_of_decisions_tell_everything,
    notices_reach_their_person,
)
from workflows.domain.policy.checks.people import (
    detectors_are_no_people,
    every_role_has_somebody,
    overrides_change_a_turn,
    reports_are_about_known_shifts,
    rosters_have_no_gaps,
    shifts_are_worked_by_somebody,
)
from workflows.domain.policy.checks.platform import (
    exposures_fit_into_a_day,
    forms_of_ids_can_be_read,
    personal_data_is_never_summed,
    personal_data_is_revealed_to_somebody,
    related_look_ups_name_subjects,
)
from workflows.domain.policy.checks.playbooks import (
    alerts_are_grouped_by_what_they_have,
    calls_leave_time_to_answer,
    clocks_leave_time_to_decide,
    every_condition_can_be_read,
    every_preset_names_known_actions,
    every_severity_has_clocks,
    names_are_unique_and_match_their_file,
    reasons_and_rules_are_known,
    there_is_exactly_one_catch_all,
)
from workflows.domain.policy.checks.texts import titles_fit_and_speak_both_languages

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
    """The findings of all rules."""
    for rule in RULES:
        yield from rule(bundle)
