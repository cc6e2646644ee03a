import type { BackendCall } from '../backends/backend.ts';
import type { Call } from '../providers/provider.ts';
import type { ActivityPorts } from './ports.ts';

type Clocked = Pick<ActivityPorts, 'now' | 'random'>;

/** Longest time one backend call may take; well below the activity's 20 s. */
export const backendTimeout = 8_000;

/** A call with an absolute deadline: what a frozen process wakes up with after it is refused before it is sent. */
export function providerCall(ports: Clocked, timeout: number, signal: AbortSignal): Call {
  const deadline = ports.now() + timeout;
  return { signal: bounded(signal, timeout), deadline, now: () => ports.now(), random: (bytes) => ports.random(bytes) };
}

/** The same call, for a kill that waits for nothing else. */
export const urgently = (call: Call): Call => ({ ...call, urgent: true });

export function backendCall(ports: Pick<Clocked, 'now'>, signal: AbortSignal, timeout = backendTimeout): BackendCall {
  return { signal: bounded(signal, timeout), deadline: ports.now() + timeout, now: () => ports.now() };
}

const bounded = (signal: AbortSignal, timeout: number): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
