"""Runs networks: the only importer of onnxruntime and the only user of OpenCV's DNN."""

from facelens.runtime.detector import YunetDetector, YunetFile
from facelens.runtime.detector_ort import OrtDetector, YunetGraph
from facelens.runtime.graph import Graph
from facelens.runtime.proof import Proof
from facelens.runtime.providers import PROVIDER_NAMES, ProviderStatus, provider_report
from facelens.runtime.session import Network, open_network
from facelens.runtime.threads import Choice, choose_threads, forget_threads, kept_file
from facelens.runtime.yunet import suppress

__all__ = [
    "PROVIDER_NAMES",
    "Choice",
    "Graph",
    "Network",
    "OrtDetector",
    "Proof",
    "ProviderStatus",
    "YunetDetector",
    "YunetFile",
    "YunetGraph",
    "choose_threads",
    "forget_threads",
    "kept_file",
    "open_network",
    "provider_report",
    "suppress",
]
