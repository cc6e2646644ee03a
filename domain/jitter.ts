/**
 * Waits that began together must not end together: what one 429 has stopped would meet again at the next. Up to half as
 * long again and never shorter, so that nobody is asked before the time they named. `chance` lies in [0, 1).
 */
export const scattered = (milliseconds: number, chance: number): number => Math.round(milliseconds * (1 + chance / 2));
