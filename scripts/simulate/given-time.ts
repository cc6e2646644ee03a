/**
 * Calls of the real code are bounded by timers of the machine (`AbortSignal.timeout`). Where the clock is given no call
 * hangs by that clock: what a machine needs for a seed must not end one, and a thousand timers a second are not to be made.
 */
export function withoutTimersOfTheMachine(): void {
  const never = new AbortController().signal;
  const any = AbortSignal.any.bind(AbortSignal);
  AbortSignal.timeout = () => never;
  AbortSignal.any = (signals) => {
    const left = [...signals].filter((one) => one !== never);
    const [only] = left;
    return only !== undefined && left.length === 1 ? only : any(left);
  };
}
