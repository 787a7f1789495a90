/**
 * The form of `POST /v1/files`. Its parts come in any order, and the usual one has the file first: its bytes are stored as they arrive,
 * while what is still to come is unknown. So the bytes do not end before the form does, and a form that proves wrong makes them
 * throw: nothing is kept then.
 */
import type { StoredFile } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { type FormPart, readBoundary, readForm } from '../../../wire/multipart.ts';
import type { BatchRequest, BatchWorld } from '../contract.ts';
import { wrong } from '../read-line.ts';
import { readUpload } from '../read-upload.ts';
import { readKeepSeconds } from './batches.ts';

/** Of a part that is no file: a purpose, a number. */
const maxFieldBytes = 1024;
const maxFilenameLength = 255;

export async function receiveFile(world: BatchWorld, request: BatchRequest): Promise<StoredFile> {
  const { incoming, asker } = request;
  const boundary = readBoundary(incoming.headers['content-type']);
  const form = new UploadForm();
  const parts = readForm(readUpload(incoming, world.maxUploadBytes), boundary);
  const file = await form.readTo(parts, true);
  if (file === undefined) {
    form.checkPurpose();
    throw wrong('file', '"file" is missing: the form has no part of that name with a filename.');
  }
  return world.desk.addFile(asker.owner, form.as(file.filename ?? ''), bytesOf(form, file, parts));
}

async function* bytesOf(
  form: UploadForm,
  file: FormPart,
  parts: AsyncGenerator<FormPart>,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* file.bytes;
    await form.readTo(parts, false);
    form.check();
  } finally {
    await parts.return(undefined);
  }
}

class UploadForm {
  #fields = new Map<string, string>();

  /** Reads fields up to the file, or to the end of the form. */
  async readTo(parts: AsyncGenerator<FormPart>, wanted: boolean): Promise<FormPart | undefined> {
    for (;;) {
      const next = await parts.next();
      if (next.done === true) return undefined;
      const part = next.value;
      if (part.name === 'file') {
        if (part.filename === undefined)
          throw wrong('file', '"file" must be a file: its part has no filename.');
        if (!wanted) throw wrong('file', 'The form has more than one "file"; upload them one by one.');
        // What is known to be wrong by now need not wait for the bytes.
        if (this.#fields.has('purpose')) this.checkPurpose();
        return part;
      }
      await this.#keep(part);
    }
  }

  async #keep({ name, bytes }: FormPart): Promise<void> {
    if (!['purpose', 'expires_after[anchor]', 'expires_after[seconds]'].includes(name))
      throw wrong(
        name.slice(0, 100),
        `Unknown parameter: '${name.slice(0, 100)}'. Known: file, purpose, expires_after[anchor], expires_after[seconds].`,
      );
    if (this.#fields.has(name)) throw wrong(name, `The form has "${name}" twice.`);
    const pieces: Buffer[] = [];
    let total = 0;
    for await (const piece of bytes) {
      total += piece.length;
      if (total > maxFieldBytes) throw wrong(name, `"${name}" is over ${maxFieldBytes} bytes long.`);
      pieces.push(Buffer.from(piece));
    }
    this.#fields.set(name, Buffer.concat(pieces).toString('utf8'));
  }

  checkPurpose(): void {
    const purpose = this.#fields.get('purpose');
    if (purpose === undefined) throw wrong('purpose', '"purpose" is missing; it must be "batch".');
    if (purpose !== 'batch')
      throw wrong(
        'purpose',
        `"purpose" is "${purpose.slice(0, 100)}"; this gateway takes files for "batch" alone.`,
      );
  }

  check(): void {
    this.checkPurpose();
    this.#keepMs();
  }

  #keepMs(): number | undefined {
    const anchor = this.#fields.get('expires_after[anchor]');
    const text = this.#fields.get('expires_after[seconds]');
    if (anchor === undefined && text === undefined) return undefined;
    if (anchor !== 'created_at')
      throw wrong('expires_after[anchor]', '"expires_after[anchor]" must be "created_at".');
    return readKeepSeconds(text === undefined ? undefined : Number(text), 'expires_after[seconds]');
  }

  /** For the desk. How long it is kept is known when its bytes have ended. */
  as(filename: string): { filename: string; purpose: string; readonly keepMs: number | undefined } {
    const keepMs = (): number | undefined => this.#keepMs();
    return {
      filename: cleanName(filename),
      purpose: 'batch',
      get keepMs() {
        return keepMs();
      },
    };
  }
}

/** The last part of a path, without what no file's name may hold. Shown again in headers and lists. */
function cleanName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? '';
  const clean = last.replace(/\p{Cc}/gu, '').toWellFormed();
  if (clean.length > maxFilenameLength)
    throw new GatewayError('invalid_request', `The filename is over ${maxFilenameLength} characters long.`, {
      param: 'file',
    });
  return clean === '' ? 'upload' : clean;
}
