/**
 * The provider that every gateway in the speed proof talks to: raw sockets and prebuilt bytes, so that it costs as little as a server
 * in Node can. `/openai/...` and `/anthropic/...` tell the protocol; the answer's size and streaming follow the request.
 */
import { createServer, type Socket } from 'node:net';
import { anthropicAnswer, anthropicStream, openAiAnswer, openAiStream } from './bodies.ts';

function whole(body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Each event one HTTP chunk and one write, as providers send them. */
function streamed(events: readonly string[]): readonly Buffer[] {
  const head =
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n';
  const chunks = events.map((event) =>
    Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`),
  );
  return [Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')];
}

const answers = {
  openai: {
    small: whole(openAiAnswer(600)),
    large: whole(openAiAnswer(20_000)),
    stream: streamed(openAiStream()),
  },
  anthropic: {
    small: whole(anthropicAnswer(600)),
    large: whole(anthropicAnswer(20_000)),
    stream: streamed(anthropicStream()),
  },
};

function answer(socket: Socket, request: string): void {
  const kind =
    request.startsWith('POST /anthropic') || request.startsWith('POST /v1/messages')
      ? answers.anthropic
      : answers.openai;
  if (request.includes('"stream":true')) {
    for (const chunk of kind.stream) socket.write(chunk);
    return;
  }
  socket.write(request.length > 8000 ? kind.large : kind.small);
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let held = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    held += chunk.toString('latin1');
    for (;;) {
      const head = held.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(held.slice(0, head));
      if (length !== null) {
        const end = head + 4 + Number(length[1]);
        if (held.length < end) return;
        answer(socket, held.slice(0, end));
        held = held.slice(end);
        continue;
      }
      // A chunked upload: it ends with an empty chunk.
      const last = held.indexOf('0\r\n\r\n', head + 4);
      if (last < 0) return;
      answer(socket, held.slice(0, last));
      held = held.slice(last + 5);
    }
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit());
