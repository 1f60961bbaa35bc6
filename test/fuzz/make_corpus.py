#!/usr/bin/env python3
"""Writes the fuzz targets' first inputs to test/fuzz/corpus/TARGET/NAME.

Files that it does not make (fix-…: inputs that once broke something) stay as they are.
"""

from seeds import access, configuration, data_streams, http, leases, log, sql, wire

if __name__ == "__main__":
    for part in (access, configuration, data_streams, http, leases, log, sql, wire):
        part.make()
