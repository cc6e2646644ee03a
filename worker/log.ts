import { DefaultLogger, Runtime, type LogLevel } from '@temporalio/worker';
import { pino, type Logger } from 'pino';

/** The only attributes that are ever written: everything else may hold what an adapter or library put there. */
const allowed = [
  'workflowId',
  'workflowType',
  'activityType',
  'attempt',
  'taskQueue',
  'sdkComponent',
  'credential',
  'version',
  'step',
  'code',
  'address',
  'durationMs',
];

export function openLog(level: string, destination: { write(line: string): void } = process.stderr): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** Sends the SDK's own lines, native ones too, through the same allow-list. Once per process, before any connection. */
export function installRuntime(log: Logger): void {
  const logger = new DefaultLogger(sdkLevel(log.level), ({ level, message, meta }) => {
    const line = { ...pick(meta ?? {}), ...errorOf(meta?.['error']) };
    log[
      level === 'TRACE'
        ? 'trace'
        : level === 'DEBUG'
          ? 'debug'
          : level === 'INFO'
            ? 'info'
            : level === 'WARN'
              ? 'warn'
              : 'error'
    ](line, firstLine(message));
  });
  Runtime.install({
    logger,
    // Ours alone ends a process (`runCli`): the SDK would stop the workers at SIGUSR2 too, and leave a process that does nothing.
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}

function sdkLevel(level: string): LogLevel {
  const levels: Readonly<Record<string, LogLevel>> = {
    trace: 'TRACE',
    debug: 'DEBUG',
    info: 'INFO',
    warn: 'WARN',
    error: 'ERROR',
  };
  return levels[level] ?? 'INFO';
}

function pick(meta: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(allowed.filter((name) => name in meta).map((name) => [name, meta[name]]));
}

/** Type and code only: by the time it comes here it is scrubbed, but a library may log before we see it. */
function errorOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return {};
  return { error: error.name, ...('type' in error && typeof error.type === 'string' ? { code: error.type } : {}) };
}

const firstLine = (message: string): string => message.split('\n', 1)[0] ?? '';
