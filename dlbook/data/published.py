"""What the classic data sets are, where they lie, and how to know their files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """A published data set: where its files are and how to know them.

    Attributes:
        title: Its name in prose.
        source: Who made it.
        licence: What it may be used for.
        address: Where the files lie; a file's own address is this, ``/``, its name.
            Where it ends in ``.zip``, that archive holds them.
        files: SHA-256 of every file, by its published name.
    """

    title: str
    source: str
    licence: str
    address: str
    files: dict[str, str]


DATASETS = {
    "fashion-mnist": Dataset(
        title="Fashion-MNIST",
        source="Xiao, Rasul & Vollgraf (2017), Zalando Research",
        licence="MIT",
        address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files={
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
    ),
    "mnist": Dataset(
        title="MNIST",
        source="LeCun, Cortes & Burges (1998)",
        licence="CC BY-SA 3.0",
        address="https://ossci-datasets.s3.amazonaws.com/mnist",
        files={
            "train-images-idx3-ubyte.gz": (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": (
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        },
    ),
    "tinyshakespeare": Dataset(
        title="Tiny Shakespeare",
        source="Karpathy (2015), from the plays of William Shakespeare",
        licence="public domain",
        address=(
            "https://raw.githubusercontent.com/karpathy/char-rnn/"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare"
        ),
        files={
            "input.txt": (
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
            ),
        },
    ),
    "timemachine": Dataset(
        title="The Time Machine",
        source="H. G. Wells (1895)",
        licence="public domain",
        address=(
            "https://raw.githubusercontent.com/probml/probml-data/"
            "f74e6f00ef1570f5b3843c49818d0bfa6b473069/data"
        ),
        files={
            "timemachine.txt": (
                "4149e15a170aa94068969282e8b2cee7aaab0d889bf1c0d684378177040267dd"
            ),
        },
    ),
    "fra-eng": Dataset(
        title="English-French sentence pairs",
        source="tatoeba.org, as of 2017 by www.manythings.org/anki",
        licence="CC BY 2.0",
        address=(
            "https://raw.githubusercontent.com/genimind/seq2seq/"
            "4f3f8eb0adde54fcc8b89394336b002e7961244c"
        ),
        files={
            "fra-eng.zip": (
                "16c4f7d0df9e7c5e6c54cdb0447f3f4a18a55052ff5e2e0b27dd4a06c0e49d04"
            ),
        },
    ),
    "sentiment-labelled-sentences": Dataset(
        title="Sentiment Labelled Sentences",
        source="Kotzias, Denil, de Freitas & Smyth (2015), UCI",
        licence="CC BY 4.0",
        address=(
            "https://archive.ics.uci.edu/static/public/331/"
            "sentiment+labelled+sentences.zip"
        ),
        files={
            "amazon_cells_labelled.txt": (
                "47003fc0a0d4840b00e96e715b6189bad09e7443a3da41c4cbe12ffc79f86ae3"
            ),
            "imdb_labelled.txt": (
                "a5851cfed830b68d4b18fa11f7e9fa85debee7566be0933c9a679ce747c86d67"
            ),
            "yelp_labelled.txt": (
                "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea"
            ),
        },
    ),
    "wnut17": Dataset(
        title="WNUT-17, emerging entities",
        source="Derczynski, Nichols, van Erp & Limsopatham (2017)",
        licence="CC BY 4.0",
        address=(
            "https://raw.githubusercontent.com/leondz/emerging_entities_17/"
            "e52a2d2a71ac1a051ca2d532eef28653c5c02603"
        ),
        files={
            "wnut17train.conll": (
                "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5"
            ),
            "emerging.dev.conll": (
                "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8"
            ),
            "emerging.test.annotated": (
                "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0"
            ),
        },
    ),
    "timeseries": Dataset(
        title="Three time series",
        source="Box & Jenkins (1976); Bureau of Meteorology; SILSO",
        licence="none stated; measured facts",
        address=(
            "https://raw.githubusercontent.com/jbrownlee/Datasets/"
            "d20fcb6402ae34e653d4513b00f39257bb37ed7f"
        ),
        files={
            "airline-passengers.csv": (
                "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621"
            ),
            "daily-min-temperatures.csv": (
                "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da"
            ),
            "monthly-sunspots.csv": (
                "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3"
            ),
        },
    ),
}
"""The data sets that :func:`~dlbook.data.fetch` knows, by name.

:meta hide-value:
"""
