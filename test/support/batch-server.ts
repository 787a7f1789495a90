/** A gateway with a desk but no pipeline, in a process of its own, that tells how much memory it has come to use. */
import { batchFolders } from '../../src/gateway/batches/registry.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import { createTestDesk } from './batch-desk.ts';
import { startTestGateway } from './gateway.ts';

const dialects = dialectFolders.flatMap((folder) => folder.dialects);
const desk = createTestDesk({
  shapes: batchFolders.map((folder) => folder.shape(dialects)),
  now: () => Date.now(),
});
const gateway = await startTestGateway({ desk });
let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 5);

process.on('message', (message) => {
  if (message === 'memory') {
    const rss = process.memoryUsage.rss();
    process.send?.({ rss, peak: Math.max(peak, rss) });
    return;
  }
  clearInterval(watch);
  void gateway.close().then(() => {
    desk.close();
    process.disconnect?.();
  });
});
process.send?.({ url: gateway.url });
