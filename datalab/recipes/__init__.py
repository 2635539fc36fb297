"""How shared arrays are made when they are not given; importing this makes the recipes known."""

from datalab.recipes import features, graph, pred_probs, predictions

__all__ = ["features", "graph", "pred_probs", "predictions"]
