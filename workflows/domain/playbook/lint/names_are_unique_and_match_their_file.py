"""A playbook is found by its name, so its file, its name and its presets must be unmistakable."""

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def names_are_unique_and_match_their_file(bundle: Bundle) -> Findings:
    """`playbook:` and `detector:` are the file's name; ids of presets are unique.

    A playbook is found by its name, so its file, its name and its presets must be
    unmistakable.
    """
    for file, playbook in bundle.playbooks.items():
        if file != f"playbooks/{playbook.playbook}.yaml":
            what = f"the playbook is called `{playbook.playbook}` but its file is not"
            yield Finding(file, ("playbook",), what, "write the file's name")
        seen: set[str] = set()
        for number, preset in enumerate(playbook.presets):
            if preset.id in seen:
                what = f"the preset `{preset.id}` stands twice"
                yield Finding(file, ("presets", number, "id"), what, "give it another id")
            seen.add(preset.id)
    for file, detector in bundle.detectors.items():
        if file != f"detectors/{detector.detector}.yaml":
            what = f"the detector is called `{detector.detector}` but its file is not"
            yield Finding(file, ("detector",), what, "write the file's name")
