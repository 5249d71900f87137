"""The room that only GPUs need: what TensorRT and CUDA ask for beyond a session on the CPU.

`driver.py`, `network.py` and `build.py` have never been run on a GPU: no machine that Posewire was made on has one.
What can be told apart from the hardware (options, cache keys, engine folders, what nvidia-smi prints) is tested
everywhere; the tests marked ``gpu`` say what must hold on a GPU and are skipped elsewhere.
"""
