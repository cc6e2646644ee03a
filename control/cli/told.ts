import type { Told } from '../operations/tell-rotation.ts';
import type { Output } from './output.ts';

/** A request that stands, and a rotation that did not hear of it: said beside the answer, since nothing is lost. */
export function noteTrouble(output: Output, { trouble }: Told): void {
  if (trouble !== undefined)
    output.note(`the request stands, but the rotation was not woken: ${trouble}; it finds out at its next question`);
}
