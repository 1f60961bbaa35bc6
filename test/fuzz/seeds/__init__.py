"""First inputs of the fuzz targets, by the part that they are for."""
