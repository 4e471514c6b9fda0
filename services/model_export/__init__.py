"""A trained trial as files to use elsewhere: its net as plain torch and as ONNX, and a card."""
