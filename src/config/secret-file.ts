/** A secret that a container is given as a file: its text, without the line end that editors and `echo` leave. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';

export type SecretFile =
  | { readonly ok: true; readonly text: string }
  /** What is wrong, to stand behind the file's name; never a word of what is in it. */
  | { readonly ok: false; readonly why: string };

/** The JSON of a service account has some 2 kB. What is much larger is not a secret but a mistake. */
const mostBytes = 64 * 1024;

export function readSecretFile(path: string): SecretFile {
  if (!isAbsolute(path)) return { ok: false, why: 'is not an absolute path' };
  try {
    const found = statSync(path);
    if (!found.isFile()) return { ok: false, why: 'is not a file' };
    if (found.size > mostBytes) return { ok: false, why: `is larger than ${mostBytes / 1024} kB` };
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { ok: false, why: 'is empty' } : { ok: true, text };
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    return { ok: false, why: absent ? 'is not there' : 'cannot be read by this user' };
  }
}
