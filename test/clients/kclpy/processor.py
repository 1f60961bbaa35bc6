"""A record processor for the MultiLangDaemon: appends "SHARD DATA" to the file RECEIVED for each
record. Its standard output belongs to the daemon's protocol."""

import os
import sys

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Processor(processor.RecordProcessorBase):
    def __init__(self):
        self.file = open(os.environ["RECEIVED"], "a", buffering=1)
        self.shard = None

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        sys.stderr.write(f"PROCESSING {self.shard}\n")

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            self.file.write(f"{self.shard} {record.binary_data.decode()}\n")
        if process_records_input.records:
            last = process_records_input.records[-1].sequence_number
            self.checkpoint(process_records_input.checkpointer, last)

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        self.checkpoint(shard_ended_input.checkpointer)

    def shutdown_requested(self, shutdown_requested_input):
        self.checkpoint(shutdown_requested_input.checkpointer)

    def checkpoint(self, checkpointer, *position):
        try:
            checkpointer.checkpoint(*position)
        except kcl.CheckpointError as error:
            sys.stderr.write(f"no checkpoint of {self.shard}: {error.value}\n")


kcl.KCLProcess(Processor()).run()
