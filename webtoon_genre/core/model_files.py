"""Names in a model's folder, shared by what writes it and what uses it: files, and the tensors of the ONNX graph."""

CONFIG, TRAINED, EXTRACTOR = "config.json", "trained.weights.h5", "extractor.weights.h5"
MODEL, TITLES, IMAGES, HEAD = "model.onnx", "titles.npz", "images.npz", "head.npz"  # of an exported model
INPUT, PROBABILITIES, STYLE, MAP = "images", "probabilities", "style", "map_"  # maps are numbered from 0
