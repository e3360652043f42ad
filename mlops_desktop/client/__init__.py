"""What a training script imports to register its models.

    from mlops_desktop import client

    with client.connect("my-workspace", user="ada") as ws:
        version = ws.log_version("flight-delay", pipeline, train=(X_train, y_train), test=(X_test, y_test), seed=7)
        print(version.label, version.metrics)

Needs the extra `client` (scikit-learn, pandas, skl2onnx, skops). Importing this module imports none of them.
"""

from mlops_desktop.client.connection import Connection, Predictions, connect

__all__ = ["Connection", "Predictions", "connect"]
