"""`odh-oci classify NAME PICTURE…`: the classes a model sees in pictures."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.cli.adding import add_command, add_service_options, chosen_service
from odh_oci_widgets.cli.numbers import positive
from odh_oci_widgets.cli.output import Output

_EXAMPLES = """\
  odh-oci classify mobilenet pelican.jpeg
  odh-oci classify mobilenet https://example.com/pelican.jpeg --labels imagenet
  odh-oci classify mobilenet *.jpeg --labels synset.txt --top 3 --json
--json for one picture:   {"predictions": [{"index", "label", "probability"}, …]}
--json for several:       {"pictures": [{"picture", "predictions": […]}, …]}, in the order given
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands, everywhere, "classify", run, help="let a model classify pictures", examples=_EXAMPLES
    )
    add_service_options(parser)
    parser.add_argument(
        "pictures",
        metavar="PICTURE",
        nargs="+",
        help="a JPEG, PNG, … file, or its URL; several go to the model as one batch",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="names of the classes: a file or URL with one a line, or JSON; `imagenet` is the list of the ONNX zoo",
    )
    parser.add_argument(
        "--preprocessing",
        choices=("auto", "imagenet", "digits", "pixels"),
        default="auto",
        help="from the picture to what the model takes (default: as its input looks)",
    )
    parser.add_argument(
        "--top", type=positive, default=5, metavar="K", help="classes to show (default: %(default)s)"
    )


def run(options: argparse.Namespace, output: Output) -> None:
    """Print the classes of each picture, the most probable first."""
    answers = chosen_service(options).classify(
        options.pictures, top=options.top, labels=options.labels, preprocessing=options.preprocessing
    )
    found = [[asdict(prediction) for prediction in answer] for answer in answers]
    if len(found) == 1:
        output.document({"predictions": found[0]})
    else:
        pairs = zip(options.pictures, found, strict=True)
        output.document({"pictures": [{"picture": name, "predictions": classes} for name, classes in pairs]})
    for number, (picture, answer) in enumerate(zip(options.pictures, answers, strict=True)):
        if len(answers) > 1:
            output.say(f"\n{picture}" if number else picture)
        output.table(
            ("PROBABILITY", "CLASS", "LABEL"), [(f"{p.probability:.4f}", p.index, p.label) for p in answer]
        )
