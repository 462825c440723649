import { sha256 } from '@runseal/chain/node';

// The hashes that nobody who verifies can save: of a payload, of a leaf and of one inner node of the tree a record, over
// bytes that lie ready. Prints records/s.
const TAG_AND_SALT_BYTES = 'runseal.payload.v1\n'.length + 32;
const LEAF_HEADER_BYTES = 1 + 'runseal.record.v1\n'.length + 8 + 8 + 32 + 32;
const NODE_BYTES = 1 + 32 + 32;

const [count = 0, payloadBytes = 0, envelopeBytes = 0] = process.argv.slice(2).map(Number);
const inputs = [TAG_AND_SALT_BYTES + payloadBytes, LEAF_HEADER_BYTES + envelopeBytes, NODE_BYTES].map(
  (length) => new Uint8Array(length),
);
const started = performance.now();
for (let number = 0; number < count; number++) {
  for (const input of inputs) {
    // Another content every time: nothing can be remembered.
    input[number % input.length] = (number >> 8) & 0xff;
    sha256(input);
  }
}
process.stdout.write(String((count * 1_000) / (performance.now() - started)));
