import { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker';
import { toFailure } from '../activities/failures.ts';

/** Milliseconds between heartbeats; effects time out after five seconds without one. */
const beat = 1_000;

/**
 * Every effect heartbeats, and nothing but a scrubbed failure leaves it. It runs inside the code that logs and converts
 * failures, so both the log line and the history are clean.
 */
export const guardActivities: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    async execute(input, next) {
      const timer = setInterval(() => context.heartbeat(), beat);
      try {
        return await next(input);
      } catch (thrown) {
        throw toFailure(thrown);
      } finally {
        clearInterval(timer);
      }
    },
  } satisfies ActivityInboundCallsInterceptor,
  outbound: {
    // The task token is a capability to complete this activity: it does not belong in logs.
    getLogAttributes: (input, next) => {
      const { taskToken: _token, ...attributes } = next(input);
      return attributes;
    },
  },
});

/** The cancellation signal of the activity that is running. */
export const activitySignal = (): AbortSignal => Context.current().cancellationSignal;
