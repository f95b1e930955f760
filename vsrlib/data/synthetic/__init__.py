"""HR clips with exact optical flow, made from photographs."""
