"""Pictures: of label maps, scores and curves."""
