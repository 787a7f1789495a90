/** The gateway's process, from the side of whoever started it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Settings, type Told, toldSchema } from './gateway.ts';

export interface Child {
  readonly url: string;
  /** Milliseconds of CPU since it began, and what it has complained of. */
  cpu(): Promise<Extract<Told, { kind: 'cpu' }>>;
  stop(): Promise<void>;
}

export async function startChild(settings: Settings): Promise<Child> {
  const file = fileURLToPath(new URL('./gateway.ts', import.meta.url));
  const child = fork(file, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const serving = await hear(child, 'serving');
  return {
    url: serving.url,
    cpu() {
      child.send('cpu');
      return hear(child, 'cpu');
    },
    async stop() {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.send('stop');
      await gone;
    },
  };
}

function hear<K extends Told['kind']>(child: ChildProcess, kind: K): Promise<Extract<Told, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const isThat = (told: Told): told is Extract<Told, { kind: K }> => told.kind === kind;
    const onMessage = (message: unknown): void => {
      const told = toldSchema.parse(message);
      if (!isThat(told)) return;
      child.removeListener('message', onMessage);
      child.removeListener('exit', onExit);
      resolve(told);
    };
    const onExit = (code: number | null): void => reject(new Error(`The gateway ended with ${code}.`));
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
