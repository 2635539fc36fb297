"""How shared arrays are made when they are not given; importing this makes the recipes known."""

from datalab.recipes import encoded, features, graph, images, pred_probs, predictions

__all__ = ["encoded", "features", "graph", "images", "pred_probs", "predictions"]
