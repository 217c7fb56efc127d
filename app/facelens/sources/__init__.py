"""Where frames come from: cameras, clips and streams, photos, and the demo."""

from facelens.sources.base import FrameSource, Notice, Truth
from facelens.sources.camera import CameraSource
from facelens.sources.capture import mirrored
from facelens.sources.clip import ClipSource, is_address
from facelens.sources.demo import DemoSource
from facelens.sources.listing import CameraInfo, list_cameras
from facelens.sources.photos import PhotosSource
from facelens.sources.rate import recent_rate
from facelens.sources.select import Wishes, is_camera, open_source
from facelens.sources.steady import SteadySource

__all__ = [
    "CameraInfo",
    "CameraSource",
    "ClipSource",
    "DemoSource",
    "FrameSource",
    "Notice",
    "PhotosSource",
    "SteadySource",
    "Truth",
    "Wishes",
    "is_address",
    "is_camera",
    "list_cameras",
    "mirrored",
    "open_source",
    "recent_rate",
]
