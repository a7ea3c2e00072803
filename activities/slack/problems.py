"""Why the platform did not do something, in words."""

from activities.slack.reader import Reader
from workflows.domain.enforcement import Problem


def problem_words(problem: Problem, reader: Reader) -> str:
    """Why the platform did not do it; with its status, where it answered."""
    words = reader.say(f"problem.{problem.kind.value}")
    if problem.status is None:
        return words
    return reader.say("problem.status", problem=words, status=str(problem.status))
