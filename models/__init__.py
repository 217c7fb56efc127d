"""The networks that ship with Facelens: `models.toml`, a folder a task with the ONNX files, and a card for each."""
