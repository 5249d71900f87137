"""How a network is computed: where, with what, and which of the ways to be faster are used. All can be switched off."""

from __future__ import annotations

from dataclasses import dataclass

from posewire_models.errors import InputError

SPINNING = ("auto", "on", "off")
PEAKS = ("auto", "graph", "host")


@dataclass(frozen=True)
class Compute:
    """``provider``: auto, tensorrt, cuda, cpu. ``threads`` of ONNX Runtime on the CPU, 0 for `default_threads`.

    ``spinning``: whether those threads wait for work busily, which answers sooner and takes their cores from others:
    ``on``, ``off``, or ``auto`` (ONNX Runtime's own way on the CPU; off on GPUs, where they have nothing to do).
    ``peaks``, for models of one animal: computed in the ``graph`` (K x 3 numbers come back from a GPU) or on the
    ``host`` from the maps; ``auto``: in the graph on GPUs, if the file has them. The others concern GPUs alone:
    ``fp16``: TensorRT may compute in half precision. ``cuda_graph``: the whole network is launched at once.
    ``pinned``: frames and outputs lie in page-locked memory, which is copied sooner. ``engine_cache``: where
    TensorRT's engines are kept: ``auto`` (the user's own cache folder), ``off``, or a folder.
    """

    provider: str = "auto"
    threads: int = 0
    spinning: str = "auto"
    peaks: str = "auto"
    fp16: bool = True
    cuda_graph: bool = True
    pinned: bool = True
    engine_cache: str = "auto"

    def peaks_in_graph(self, provider: str, animals: str, has_peaks: bool) -> bool:
        """Whether ``provider`` is to compute the peaks of a model of ``animals`` (one, many) in the graph.

        Not where TensorRT may compute in half precision: it then takes the places for it too, and a place of 640 px
        is half a pixel off. Raises InputError if that was asked for, or the model file has no such output.
        """
        half = provider == "tensorrt" and self.fp16
        if self.peaks != "graph":
            return self.peaks == "auto" and provider != "cpu" and animals == "one" and has_peaks and not half
        if animals != "one":
            raise InputError("[compute] peaks = graph: for models of one animal; leave it out")
        if not has_peaks:
            raise InputError(
                "[compute] peaks = graph: the model file has no output 'peaks'; export it again, or give host"
            )
        if half:
            raise InputError(
                "[compute] peaks = graph: TensorRT's half precision would put keypoints half a pixel off; "
                "give fp16 = false with it, or peaks = host"
            )
        return True
