'use strict';
// A record processor for the MultiLangDaemon: appends "SHARD DATA" to the file RECEIVED for each
// record. Its standard output belongs to the daemon's protocol.
const fs = require('fs');
const kcl = require('aws-kcl');

const file = fs.openSync(process.env.RECEIVED, 'a');
let shard;

kcl({
  initialize(input, done) {
    shard = input.shardId;
    process.stderr.write(`PROCESSING ${shard}\n`);
    done();
  },

  processRecords(input, done) {
    const records = input.records || [];
    for (const record of records) {
      const data = Buffer.from(record.data, 'base64').toString();
      fs.writeSync(file, `${shard} ${data}\n`);
    }
    if (records.length === 0) return done();
    input.checkpointer.checkpoint(records[records.length - 1].sequenceNumber, (error) => {
      if (error) process.stderr.write(`no checkpoint of ${shard}: ${error}\n`);
      done();
    });
  },

  leaseLost(input, done) {
    done();
  },

  shardEnded(input, done) {
    input.checkpointer.checkpoint((error) => {
      if (error) process.stderr.write(`no checkpoint at the end of ${shard}: ${error}\n`);
      done();
    });
  },

  shutdownRequested(input, done) {
    input.checkpointer.checkpoint(() => done());
  },
}).run();
