"""Runs networks: the only importer of onnxruntime and the only user of OpenCV's DNN."""

from facelens.runtime.detector import YunetDetector, YunetFile
from facelens.runtime.detector_ort import OrtDetector, YunetGraph, suppress
from facelens.runtime.graph import Graph
from facelens.runtime.providers import PROVIDER_NAMES, ProviderStatus, provider_report
from facelens.runtime.session import Network, open_network

__all__ = [
    "PROVIDER_NAMES",
    "Graph",
    "Network",
    "OrtDetector",
    "ProviderStatus",
    "YunetDetector",
    "YunetFile",
    "YunetGraph",
    "open_network",
    "provider_report",
    "suppress",
]
