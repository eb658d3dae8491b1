"""What the verbs of `weakvid` are, how they are called, and the words of those without settings."""

import argparse

from pipeline.clusterwords import add_cluster_words
from pipeline.searchwords import add_search_words

SUMMARIES = {
    "shards": "raw videos with captions -> training shards",
    "asr": "videos without captions -> transcripts (extra asr)",
    "train": "shards -> a trained run; the same command again goes on where it stopped",
    "evaluate": "a trained run -> retrieval and fusion figures",
    "compare": "fusion methods on tasks -> who is better, and what a lost modality costs",
    "embed": "a trained run and shards -> features of their clips, for search and other uses",
    "search": "clips of an embedded collection, found by words or by an example",
    "benchmark": "a published listing of clips -> a table that `shards` builds from",
    "report": "everything known of a run, or of shards -> one HTML file",
    "weights": "published or other weights -> a run; a run -> a file of weights",
    "launch": "a verb sent to a Ray cluster as a job, and watched there",
    "logs": "what a launched job has printed",
    "stop": "a launched job drains, and ends",
    "cluster": "a node of a Ray cluster on this machine: start it with a token, stop it",
    "verify": "check written shards against their manifest, byte for byte",
    "status": "how far shards or a run have come",
    "view": "a local page over shards: search, frames beside windows, sound",
    "explain": "one clip back to its source; or why there is none",
    "doctor": "check this machine, and say how to mend it",
    "demo-corpus": "write little narrated videos to try everything on",
    "config": "check, show or compare settings",
}

EXAMPLES: dict[str, tuple[str, ...]] = {
    "shards": (
        "weakvid shards --dry-run",
        "weakvid shards --preset local --sources.path videos --shards.out data/real",
        "weakvid shards --preset local --config mine.yaml --shards.retry-rejects",
    ),
    "asr": (
        "weakvid asr --sources.path videos --sources.transcripts data/transcripts",
        "weakvid asr --config mine.yaml --asr.model models/whisper-small --dry-run",
        "weakvid shards --preset local --sources.path videos --shards.out data/real --asr",
    ),
    "train": (
        "weakvid train --dry-run",
        "weakvid train --data.shards data/real --run.name real --training.steps 60",
        "weakvid train --preset local --config mine.yaml --training.workers 2",
        "weakvid train --run.name hot --from real@4000 --training.lr 3e-3",
        "weakvid train --overfit-one-batch",
    ),
    "evaluate": (
        "weakvid evaluate",
        "weakvid evaluate --preset local --run.name real",
    ),
    "compare": (
        "weakvid compare",
        "weakvid compare --grid.features runs/real/evaluation --grid.out runs/real/fusion",
        "weakvid compare --grid.data data/public --grid.tasks mfeat mosi_videos --grid.workers 2",
    ),
    "embed": (
        "weakvid embed",
        "weakvid embed --run.name real --embedding.workers 4",
        "weakvid embed --run.name real --embedding.shards data/more --embedding.out data/vectors",
    ),
    "search": (
        'weakvid search demo "pour the milk"',
        "weakvid search data/vectors --like 0f3a9c2b7d61e845_000012300",
        "weakvid search runs/real --clip example.mp4 --top 5",
    ),
    "benchmark": (
        "weakvid benchmark validation_youcook.csv --videos YouCook2 --out youcook.csv",
        "weakvid benchmark hmdb51.csv --videos hmdb51_org --out hmdb.csv",
    ),
    "report": (
        "weakvid report",
        "weakvid report --preset local --run.name real",
        "weakvid report data/real",
    ),
    "weights": (
        "weakvid weights import s3d_howto100m.pth --tokenizer s3d_dict.npy --run.name published",
        "weakvid weights export runs/real --out real.safetensors",
        "weakvid weights export runs/real --out s3d.pth",
    ),
    "launch": (
        "weakvid launch train --preset cluster --data.shards s3://bucket/real --run.name real",
        "weakvid launch shards --address http://HEAD:8265 --follow --config mine.yaml",
        "weakvid launch evaluate --no-wait --preset cluster --run.name real",
        "weakvid launch train --dry-run --preset cluster --data.shards /shared/real",
    ),
    "logs": ("weakvid logs real", "weakvid logs real --follow --address http://HEAD:8265"),
    "stop": ("weakvid stop real", "weakvid stop real --address http://HEAD:8265"),
    "cluster": (
        "weakvid cluster start --head",
        "weakvid cluster start --address HEAD:6379 -- --num-cpus 8",
        "weakvid cluster status",
        "weakvid cluster stop",
    ),
    "verify": (
        "weakvid verify data/demo/shards",
        "weakvid verify data/real --decode all",
        "weakvid verify s3://bucket/real --quick",
    ),
    "status": (
        "weakvid status data/demo/shards",
        "weakvid status runs/demo --json",
        "weakvid status real --address http://HEAD:8265",
    ),
    "view": ("weakvid view data/demo/shards", "weakvid view s3://bucket/real --port 8090"),
    "explain": (
        "weakvid explain 0f3a9c2b7d61e845_000012300 --shards data/real",
        "weakvid explain cooking/eggs --shards data/real",
        "weakvid explain cooking/eggs@12.3 --shards data/real --source videos",
    ),
    "doctor": ("weakvid doctor",),
    "demo-corpus": (
        "weakvid demo-corpus",
        "weakvid demo-corpus --out /tmp/videos --seed 1 --videos 12",
    ),
    "config": (
        "weakvid config check train --config mine.yaml",
        "weakvid config show train --preset cluster --data.shards data/real",
        "weakvid config diff train demo local",
    ),
}

WITHOUT_SETTINGS = (
    *("verify", "status", "view", "explain", "doctor", "benchmark", "logs", "stop", "cluster"),
    "search",
)
"""Verbs that look at a folder or at this machine, and read no settings."""

LAUNCHED = ("shards", "asr", "train", "evaluate", "compare", "embed", "report")
"""Verbs that `launch` sends to a cluster."""

DEMO_SHARDS = "data/demo/shards"


def describe(verb: str) -> str:
    """Return what a verb does and how it is called, for the top of its help."""
    return "\n".join([SUMMARIES[verb], "", "examples:", *(f"  {e}" for e in EXAMPLES[verb])])


def read_words(verb: str, words: list[str]) -> dict[str, object]:
    """Return the arguments of one of `WITHOUT_SETTINGS`, by name. Leaves as argparse does."""
    parser = argparse.ArgumentParser(
        prog=f"weakvid {verb}",
        description=describe(verb),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    match verb:
        case "verify":
            _add_verify(parser)
        case "status":
            _add_status(parser)
        case "view":
            _add_view(parser)
        case "explain":
            _add_explain(parser)
        case "search":
            add_search_words(parser)
        case "benchmark":
            _add_benchmark(parser)
        case "cluster":
            add_cluster_words(parser)
        case "logs":
            _add_logs(parser)
        case "stop":
            _add_job(parser)
    return vars(parser.parse_args(words))


def read_report_words(words: list[str]) -> dict[str, object]:
    """Return the arguments of `report DIR`, the report on shards."""
    parser = argparse.ArgumentParser(
        prog="weakvid report",
        description="everything known of a folder of shards -> one HTML file",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="DIR", help="folder of shards")
    parser.add_argument(
        "--out", default="", metavar="FILE", help="HTML file to write (default: DIR/report.html)"
    )
    parser.add_argument(
        "--truth", default="", metavar="DIR", help="folder of the demo corpus: judge the bags by it"
    )
    return vars(parser.parse_args(words))


def read_weights_words(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the arguments of `weights`, and the settings that go with `weights import`.

    Leaves as argparse does.
    """
    parser = argparse.ArgumentParser(
        prog="weakvid weights",
        description=describe("weights"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|export")
    into = actions.add_parser(
        "import",
        help="file of weights -> a run that has done no step",
        description="file of weights -> a run that has done no step; every setting of "
        "`weakvid train` may follow, the towers' own are taken from the file",
        allow_abbrev=False,
    )
    into.add_argument("file", metavar="FILE", help=".pth, .pth.tar or .safetensors")
    into.add_argument(
        "--tokenizer", default="", metavar="FILE", help="its vocabulary (default: the one beside)"
    )
    out_of = actions.add_parser("export", help="a run -> a file of weights", allow_abbrev=False)
    out_of.add_argument("run", metavar="DIR", help="folder of a run")
    out_of.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="its end is the layout: .safetensors ours, .pth published, .pth.tar training code",
    )
    arguments, settings = parser.parse_known_args(words)
    values = vars(arguments)
    if values.pop("action") == "export" and settings:
        parser.error(f"unrecognized arguments: {' '.join(settings)}")
    return values, settings


def read_launch_words(words: list[str]) -> tuple[str, list[str], dict[str, object]]:
    """Return the verb that `launch` sends, the settings of it, and the arguments of `launch`.

    Leaves as argparse does.
    """
    parser = argparse.ArgumentParser(
        prog="weakvid launch VERB",
        description=describe("launch"),
        epilog="Every setting of the verb may be given; `weakvid VERB --help` lists them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_cluster(parser)
    parser.add_argument(
        "--name", default="", help="of the job (default: of its run, or of the folder it writes)"
    )
    watch = parser.add_mutually_exclusive_group()
    for flag, value, text in (
        ("--follow", "follow", "print the log of the job until it ends; its exit code is ours"),
        ("--no-wait", "leave", "return once it is sent (default: wait, and take its exit code)"),
    ):
        watch.add_argument(
            flag, dest="watch", action="store_const", const=value, default="wait", help=text
        )
    parser.add_argument(
        "--grace",
        type=int,
        default=600,
        metavar="SECONDS",
        help="that the job gets to drain after `weakvid stop` (default: 600)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check all, say what would be sent, send nothing"
    )
    if not words or words[0].startswith("-"):
        parser.parse_args(words)
        parser.error(f"VERB must come first: one of {', '.join(LAUNCHED)}")
    if words[0] not in LAUNCHED:
        parser.error(f"VERB must be one of {', '.join(LAUNCHED)}, got {words[0]!r}")
    arguments, settings = parser.parse_known_args(words[1:])
    return words[0], settings, vars(arguments)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address",
        default="",
        metavar="URL",
        help="dashboard of the cluster, http://HEAD:8265 (default: RAY_ADDRESS, else the head on "
        "this machine)",
    )
    parser.add_argument(
        "--insecure-local",
        action="store_true",
        help="talk to a cluster on this machine that asks for no token",
    )


def _add_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the job: that of its run")
    _add_cluster(parser)


def _add_logs(parser: argparse.ArgumentParser) -> None:
    _add_job(parser)
    parser.add_argument(
        "--follow", dest="follows", action="store_true", help="go on until the job is over"
    )
    parser.add_argument(
        "--attempt", type=int, default=0, metavar="N", help="which one (default: the newest)"
    )


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="folder of shards, local or s3://, gs://")
    parser.add_argument(
        "--quick", action="store_true", help="sizes, records and counts; no byte of a tar is read"
    )
    parser.add_argument(
        "--decode",
        default=3,
        type=_count_or_all,
        metavar="N|all",
        help="samples of each tar whose clip and sound are decoded (default: 3)",
    )


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="DIR|NAME", help="folder or URL of shards or of a run, or a run's name"
    )
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="one object, for programs"
    )
    parser.add_argument(
        "--address",
        default="",
        metavar="URL",
        help="of a cluster: the job of this name there is told too",
    )
    parser.add_argument(
        "--insecure-local", action="store_true", help="talk to a cluster that asks for no token"
    )


def _add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        default=DEMO_SHARDS,
        help=f"folder of shards (default: {DEMO_SHARDS})",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="on 127.0.0.1; 0 takes a free one (default: 8000)"
    )
    parser.add_argument(
        "--embeddings",
        default="",
        metavar="DIR",
        help="what `weakvid embed` wrote of these shards: clips are found by what is meant, too",
    )


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="KEY|VIDEO|VIDEO@SECONDS",
        help="a sample's key, a video's id, or a time in it; after `--` it may begin with a dash",
    )
    parser.add_argument(
        "--shards",
        dest="folder",
        default=DEMO_SHARDS,
        metavar="DIR",
        help=f"folder of shards (default: {DEMO_SHARDS})",
    )
    parser.add_argument(
        "--source",
        default="",
        metavar="DIR",
        help="folder of the videos: the source file and its captions are read again and compared",
    )


def _add_benchmark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "listing",
        metavar="FILE",
        help="validation_youcook.csv, msrvtt_test.csv, hmdb51.csv, CrossTask's videos_val.csv",
    )
    parser.add_argument("--videos", required=True, metavar="DIR", help="folder of its videos")
    parser.add_argument("--out", required=True, metavar="FILE", help="table to write")


def _count_or_all(text: str) -> int | None:
    """Return a number of samples, None for all of them."""
    if text == "all":
        return None
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number or `all`, got {text!r}")
