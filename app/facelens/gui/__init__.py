"""The window: the only part of Facelens that imports Qt. Start it with ``facelens.gui.app.run``."""
