import { createServer, type ServerHttp2Session } from 'node:http2';
import { poll } from '../servers/poll.ts';

/** A collector of OpenTelemetry, as far as it keeps everything that it is sent, over gRPC, as it arrived. */
export interface TraceCollector {
  /** What Temporal's server is started with, so that it tells each request and each thing it stores, payloads too. */
  readonly env: Readonly<Record<string, string>>;
  /** Each line of it once: what is stored is told again with every request of which it is a part. */
  lines(): Buffer;
  /** Resolves when this has arrived. */
  arrived(needle: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** An empty message, uncompressed: the answer of the collector to every export. */
const thanks = Buffer.alloc(5);

export async function startTraceCollector(): Promise<TraceCollector> {
  const received: Buffer[] = [];
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => void sessions.add(session));
  server.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    // A server that is killed in the middle of an export.
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
    stream.on('end', () => {
      received.push(Buffer.concat(chunks));
      if (stream.destroyed) return;
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.end(thanks);
    });
  });
  await new Promise<void>((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the collector got no port');
  return {
    env: {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${address.port}`,
      OTEL_EXPORTER_OTLP_TRACES_INSECURE: 'true',
      OTEL_BSP_SCHEDULE_DELAY: '300',
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
      TEMPORAL_OTEL_DEBUG: 'true',
    },
    lines: () => Buffer.from(differentLines(received).join('\n'), 'latin1'),
    async arrived(needle) {
      await poll(() => received.some((bytes) => bytes.includes(needle)), {
        what: 'the trace of a request',
        every: 100,
      });
    },
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function differentLines(all: readonly Buffer[]): readonly string[] {
  // One byte is one character: nothing is lost of what is no text.
  return [...new Set(all.flatMap((bytes) => bytes.toString('latin1').split('\n')))];
}
