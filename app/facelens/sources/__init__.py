"""Where frames come from: cameras, clips and streams, photos, and the demo."""

from facelens.sources.base import FrameSource, Truth
from facelens.sources.camera import CameraInfo, CameraSource, list_cameras
from facelens.sources.clip import ClipSource
from facelens.sources.demo import DemoSource
from facelens.sources.photos import PhotosSource
from facelens.sources.select import open_source

__all__ = [
    "CameraInfo",
    "CameraSource",
    "ClipSource",
    "DemoSource",
    "FrameSource",
    "PhotosSource",
    "Truth",
    "list_cameras",
    "open_source",
]
