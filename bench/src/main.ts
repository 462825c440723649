import { measure, type Bench } from './measure.js';
import { sealBench } from './seal.bench.js';

const benches: readonly Bench[] = [sealBench];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no bench ${unknown.join(', ')}. There are: ${benches.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  process.stdout.write(`${JSON.stringify(await measure(bench))}\n`);
}
