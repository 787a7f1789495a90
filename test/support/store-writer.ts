/**
 * A process that writes to a store: `node store-writer.ts URL NAME BATCHES ROWS`. It says `open`, waits for a line so that
 * several begin at once, and says `kept N` after each append that resolved.
 */
import { once } from 'node:events';
import { openStores } from '../../src/stores/open.ts';
import { entry } from './stores.ts';

const [url = '', name = '', batches = '0', rows = '0'] = process.argv.slice(2);
console.log('ready');
await once(process.stdin, 'data');
process.stdin.destroy();
const stores = await openStores(url);
console.log('open');
for (let batch = 0; batch < Number(batches); batch++) {
  const ids = Array.from({ length: Number(rows) }, (_, row) => `${name}-${batch}-${row}`);
  await stores.ledger.append(ids.map((id) => entry(id, { key: name })));
  console.log(`kept ${(batch + 1) * Number(rows)}`);
}
await stores.close();
