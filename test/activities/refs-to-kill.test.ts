import { describe, expect, it } from 'vitest';
import { listedAs, stillListed } from '../../activities/refs-to-kill.ts';
import type { LiveCredential } from '../../providers/provider.ts';
import { newVersion } from './containment-rig.ts';

const version = newVersion();
const other = newVersion();
const slot = { id: version, refs: [{ id: 'role_a', mark: `inst1:${version}` }] };
const at = (id: string, mark?: { readonly installation: string; readonly version: string }): LiveCredential => ({
  ref: mark === undefined ? { id } : { id, mark: `${mark.installation}:${mark.version}` },
  ...(mark !== undefined && { tag: mark }),
  disabled: false,
});

describe('a version whose slot is listed', () => {
  it.each([
    ['with its own mark', at('role_a', { installation: 'inst1', version }), true, true],
    ['with another mark of ours', at('role_a', { installation: 'inst1', version: other }), false, false],
    ['without any mark', at('role_a'), false, true],
    ['with the mark of another installation', at('role_a', { installation: 'other1', version: other }), false, true],
    ['while another slot has no mark', at('role_b'), false, false],
  ])('%s: is it surely its own, and does it stand against its death?', (_how, live, own, stands) => {
    expect(listedAs(slot, [live], 'inst1')).toEqual(own ? [live] : []);
    expect(stillListed(slot, [live], 'inst1')).toEqual(stands ? [live] : []);
  });
});
