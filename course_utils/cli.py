"""The command ``course``; ``course --help`` lists what it can do."""

from __future__ import annotations

import atexit
import io
import os
import sys
import tempfile
import warnings
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

try:
    import typer

    from course_utils.terminal import Terminal
except ImportError as error:
    sys.exit(
        f"The course's command line needs {error.name}. In the course's folder: "
        f'{sys.executable} -m pip install -e ".[lab,offline]"'
    )

from course_utils.errors import CourseError

app = typer.Typer(
    help="Borrowed Feathers: a course on pre-defined PyTorch models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
"""Exit status that Typer gives to Ctrl-C, as shells do."""
console = Terminal()


class Profile(str, Enum):
    """How much work a lesson does."""

    smoke = "smoke"
    standard = "standard"
    full = "full"


ProfileOption = Annotated[
    Profile | None, typer.Option(help="How much work: seconds, a laptop's minutes, a GPU's.")
]
FolderOption = Annotated[Path, typer.Option("--folder", help="Where your copies of the lessons are.")]


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, folder: FolderOption = Path("my_lessons")) -> None:
    """Copy the lessons into a folder of yours and open JupyterLab there; other options go to JupyterLab."""
    from course_utils.notebook import copies

    if find_spec("jupyterlab") is None:
        raise ModuleNotFoundError(name="jupyterlab")
    new, stale = copies.copy_lessons(folder)
    console.print(
        f"{len(new)} new files in {folder.absolute()}. What was there is as you left it.", soft_wrap=True
    )
    for name in stale:
        console.print(
            f"Note: {name} is from another version of the course. `course reset {name[:2]}` gets the present one and keeps "
            "yours.",
            style="yellow",
            soft_wrap=True,
        )
    command = [sys.executable, "-m", "jupyterlab", *context.args, copies.FIRST]
    raise typer.Exit(copies.run_to_its_end(command, folder))


@app.command()
def reset(
    lessons: Annotated[list[str], typer.Argument(help="Numbers such as 03.")],
    folder: FolderOption = Path("my_lessons"),
) -> None:
    """Put a lesson into your folder as the course has it, and keep your copy beside it."""
    from course_utils.notebook.copies import reset_lesson

    for name in lessons:
        own, kept = reset_lesson(name, folder)
        said = (
            f"yours is kept as {', '.join(file.name for file in kept)}"
            if kept
            else "there was no other to keep"
        )
        console.print(f"{own} is as the course has it; {said}.", soft_wrap=True)


@app.command()
def weights(
    file: Annotated[Path | None, typer.Argument(help="Where to; by default they stay in the cache.")] = None,
) -> None:
    """Write EfficientNet-Lite0's ImageNet weights as one file that plain timm loads without a network; print where."""
    from course_utils.files import check_writable, copy_file
    from course_utils.models.packaged import weights_file

    if file is not None:
        check_writable(file)
        copy_file(weights_file(), file)
    console.print(str(file or weights_file()), soft_wrap=True)


@app.command()
def doctor(
    time: Annotated[
        bool, typer.Option("--time", help="Also say how long each lesson will take here.")
    ] = False,
    line: Annotated[
        bool,
        typer.Option("--line", help="Say it in one line to send to your instructor: no names, no folders."),
    ] = False,
) -> None:
    """Say what is here, what is missing and how to fix it. Exit status 1 if anything must be fixed."""
    from course_utils.doctor import examine, in_one_line

    findings = examine()
    broken = sum(not finding.ok for finding in findings)
    speeds = None
    if time and not broken:
        from course_utils.notebook import preflight

        speeds = preflight.measure()
    if line:
        lasts = f"; the lessons take {preflight.minutes_in_all(speeds):.0f} minutes" if speeds else ""
        console.print(in_one_line(findings) + lasts, soft_wrap=True)
        raise typer.Exit(1 if broken else 0)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        console.print("ok " if finding.ok else "FIX", style="green" if finding.ok else "bold red", end=" ")
        console.print(f"{finding.name:{width}} {finding.found}", soft_wrap=True)
        if finding.advice:
            console.print(f"    -> {finding.advice}", style="bold", soft_wrap=True)
    console.print(
        f"\n{broken} to fix." if broken else "\nAll is well.", style="bold red" if broken else "green"
    )
    if speeds:
        table = preflight.predict(speeds).reset_index()
        console.print(f"\nIn the standard profile:\n{table.to_string(index=False, justify='left')}")
    raise typer.Exit(1 if broken else 0)


@app.command()
def run(
    lessons: Annotated[list[str] | None, typer.Argument(help="Numbers such as 03; none means all.")] = None,
    profile: ProfileOption = None,
) -> None:
    """Run lessons from start to end, outside Jupyter, and print the scoreboard."""
    _use(profile)
    from course_utils import paths, runtime
    from course_utils.experiments import scoreboard
    from course_utils.experiments.printed import print_table
    from course_utils.notebook.runner import find_lessons, run_lessons

    found = find_lessons(lessons or [], paths.notebooks_dir())
    scoreboard.clear([lesson.stem[:2] for lesson in found])
    out = paths.output_dir()
    executed = run_lessons(found, profile=runtime.profile(), out_dir=out / "notebooks", echo=console.print)
    if entries := scoreboard.read():
        print_table("Scoreboard", [result for _, result in entries], console)
    failed = [lesson for lesson in executed if not lesson.ok]
    if failed:
        raise CourseError("\n".join(f"{lesson.name} failed: {lesson.error}" for lesson in failed))
    console.print(f"Executed lessons are in {out / 'notebooks'}.")


@app.command()
def compare(
    data: Annotated[
        str, typer.Option(help="fieldguide, a folder of pictures, or CUB-200-2011's .tgz.")
    ] = "fieldguide",
    flavour: Annotated[list[str] | None, typer.Option(help="Again for more; none means all.")] = None,
    images_per_class: Annotated[
        list[int] | None, typer.Option(help="Again for more; none means all.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many; by default 1, 2 or 5 after the profile.")
    ] = None,
    model: Annotated[str, typer.Option(help="Of all flavours but scratch_best.")] = "efficientnet_lite0",
    profile: ProfileOption = None,
    json: Annotated[Path | None, typer.Option(help="Write all results to this file.")] = None,
    runs: Annotated[
        Path | None,
        typer.Option(help="Keep each finished run in this folder, and train nothing that it holds already."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave damaged pictures out and report them.")] = False,
) -> None:
    """Train from scratch and from pre-trained weights on the same pictures, and show what each reaches."""
    _use(profile)
    from course_utils.data.collection import read_collection
    from course_utils.experiments import compare as comparing
    from course_utils.experiments.flavours import COMPARED
    from course_utils.experiments.printed import Progress, print_table
    from course_utils.experiments.results import RunResult, computed_on
    from course_utils.experiments.store import RunStore
    from course_utils.files import check_writable
    from course_utils.runtime import pick

    if json is not None:
        check_writable(json)
    # Without --runs they are kept for the case that the command does not come to its end.
    store = RunStore(runs or Path(tempfile.mkdtemp(prefix="course-runs-")), RunResult)
    progress = Progress(console, store.folder, json, temporary=runs is None)
    atexit.register(progress.broken_off)
    flavours = flavour or list(COMPARED)
    sides = comparing.pictures_sides(flavours, model)
    collections = [read_collection(data, side=side, skip_bad=skip_bad) for side in sides]
    collection = collections[0]
    console.print(
        f"{collection.name}: {len(collection.entries)} pictures of {len(collection.classes)} classes"
    )
    comparison = comparing.compare(
        collections,
        flavours=flavours,
        images_per_class=images_per_class or [pick(smoke=5, standard=None, full=None)],
        seeds=seeds if seeds is not None else pick(smoke=1, standard=2, full=5),
        model=model,
        runs=store,
        on_result=progress.add,
    )
    atexit.unregister(progress.broken_off)
    progress.clear()
    print_table("Comparison", comparison.results, console)
    console.print(f"Computed on {computed_on(comparison.device, comparison.results)}.")
    if json is not None:
        console.print(f"All results: {progress.written}")


@app.command()
def train(
    data: Annotated[str, typer.Option(help="fieldguide, a folder of pictures, or CUB-200-2011's .tgz.")],
    out: Annotated[
        Path, typer.Option(help="A new folder for the model and all that must be known to use it.")
    ],
    flavour: Annotated[str, typer.Option(help="How to get there.")] = "fine_tune",
    model: Annotated[str, typer.Option(help="Of all flavours but scratch_best.")] = "efficientnet_lite0",
    images_per_class: Annotated[int | None, typer.Option(help="Training pictures; none means all.")] = None,
    seed: Annotated[int, typer.Option(help="Decides val, order and augmentation.")] = 0,
    licence: Annotated[str, typer.Option(help="Of the pictures, such as cc-by-4.0.")] = "unknown",
    profile: ProfileOption = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave damaged pictures out and report them.")] = False,
    pictures_of_mistakes: Annotated[
        bool, typer.Option(help="Put small copies of the surest mistakes in test into the folder.")
    ] = True,
) -> None:
    """Train a model and put it into a folder that travels. Broken off, the same command goes on from the last epoch."""
    _use(profile)
    from course_utils.data.collection import read_collection
    from course_utils.deploy.train import Request, train_bundle
    from course_utils.experiments.flavours import find_flavours
    from course_utils.models.build import check_model_name

    check_model_name(model)
    (chosen,) = find_flavours([flavour])
    pictures = read_collection(data, side=chosen.pictures_side(model), skip_bad=skip_bad)
    console.print(f"{pictures.name}: {len(pictures.entries)} pictures of {len(pictures.classes)} classes")
    request = Request(chosen, model, seed, images_per_class, licence, pictures_of_mistakes)
    try:
        bundle = train_bundle(
            out.expanduser(), pictures, request, say=lambda text: console.print(text, soft_wrap=True)
        )
    except KeyboardInterrupt:
        console.print("The same command goes on from the last finished epoch.", style="yellow")
        raise
    test = bundle.facts.score("test")
    console.print(
        f"Test accuracy {test} of {test.n} pictures. {out} holds the model. Its README.md says how to use it; "
        f"`course report {out}` shows how good it is.",
        soft_wrap=True,
    )


@app.command()
def predict(
    places: Annotated[list[str], typer.Argument(help="A model's folder, then pictures and folders of them.")],
    pretrained: Annotated[
        str | None, typer.Option(help="A model with its ImageNet weights as they are, in place of a folder.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table with commas.")] = False,
) -> None:
    """Name what is in pictures. Exit status 1 if a file could not be read; the others are named all the same."""
    from course_utils.deploy import predict as predicting
    from course_utils.deploy.bundle import load_bundle

    first, *others = places
    pictures = places if pretrained else others
    if not pictures:
        raise CourseError("There are no pictures to name. Give files or folders after the model's folder.")
    bundle = predicting.pretrained_bundle(pretrained) if pretrained else load_bundle(first)
    found, bad = [], 0
    for prediction in predicting.predict_files(bundle, pictures, top=top):
        bad += bool(prediction.error)
        if as_json or as_csv:
            found.append(prediction)
            continue
        said = ", ".join(f"{name} {share:.1%}" for name, share in prediction.answers) or prediction.error
        console.print(
            f"{prediction.file}: {said}", style="bold red" if prediction.error else None, soft_wrap=True
        )
    if as_json or as_csv:
        print(predicting.as_json(found) if as_json else predicting.as_csv(found, top=top))
    raise typer.Exit(1 if bad else 0)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A model's folder, as `course train` made it.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX, for onnxruntime.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Also with numbers of 8 bits; needs --data.")] = False,
    data: Annotated[
        str | None, typer.Option(help="What it was trained on, to measure and for --int8.")
    ] = None,
) -> None:
    """Write a model for engines without PyTorch, and show what each is worth on this machine."""
    from course_utils.data.collection import read_collection
    from course_utils.deploy import export as exporting
    from course_utils.deploy.bundle import load_bundle

    if not onnx:
        raise CourseError("There is one form to export to. Say --onnx.")
    if int8 and data is None:
        raise CourseError(
            "--int8 needs pictures to find its ranges on. Give --data what the model was trained on."
        )
    bundle = load_bundle(folder)
    pictures = None if data is None else read_collection(data, side=bundle.side, skip_bad=True)
    exporting.export(
        folder, bundle, pictures, int8=int8, say=lambda text: console.print(text, soft_wrap=True)
    )


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A model's folder, as `course train` made it.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; report.html in the model's folder if you do not say.")
    ] = None,
) -> None:
    """Write one HTML page on a model: how good it is, what it mixes up, how far to trust it, how to use it."""
    from course_utils.deploy.report import write_report

    console.print(f"{write_report(folder.expanduser(), out)} opens in any browser.", soft_wrap=True)


@app.command("app")
def show(
    folder: Annotated[
        Path | None, typer.Argument(help="A model's folder, as `course train` made it.")
    ] = None,
    pretrained: Annotated[
        str, typer.Option(help="Without a folder: a model with its ImageNet weights as they are.")
    ] = "efficientnet_lite0",
    port: Annotated[int, typer.Option(min=0, help="0 takes any that is free.")] = 0,
) -> None:
    """Serve a page to drop a photo into, on this machine only, behind the token of the address that it prints."""
    if find_spec("tornado") is None:
        raise ModuleNotFoundError(name="tornado")
    import asyncio

    from course_utils.deploy.app import Model, serve
    from course_utils.deploy.bundle import load_bundle
    from course_utils.deploy.predict import pretrained_bundle

    if folder is None:
        model = Model(pretrained, pretrained_bundle(pretrained))
    else:
        model = Model(folder.expanduser().resolve().name, load_bundle(folder))

    def ready(address: str) -> None:
        console.print(f"Open {address}\nCtrl-C ends it.", soft_wrap=True)

    asyncio.run(serve(model, port=port, ready=ready))


def _use(profile: Profile | None) -> None:
    if profile is not None:
        os.environ["COURSE_PROFILE"] = profile.value


def main() -> None:
    """Entry point: a CourseError is printed as one message, without a traceback."""
    # Not among the results, which a program may read.
    notes = Terminal(stderr=True)
    warnings.showwarning = lambda message, *_, **__: notes.print(
        f"Note: {message}", style="yellow", soft_wrap=True
    )
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal can't show is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except CourseError as error:
        console.print(f"Error: {error}", style="bold red")
        sys.exit(2)
    except ModuleNotFoundError as error:
        console.print(
            f"Error: the package {error.name} is missing. `course doctor` says whether more of the installation is; "
            f"JupyterLab, and what runs lessons without it, come with: {sys.executable} -m pip install jupyterlab",
            style="bold red",
            soft_wrap=True,
        )
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.print("Stopped.", style="yellow")
        raise
