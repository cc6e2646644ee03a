import type { Adapters } from '../../inventory/adapters.ts';
import type { ControlPorts } from '../ports.ts';

/** What most operations need: the ledger, and the way to a running rotation. */
export type LedgerPorts = Pick<ControlPorts, 'ledger'>;
export type RotationPorts = Pick<ControlPorts, 'ledger' | 'rotations'>;
/** Reading the two files needs what the registries know. */
export type ApplyPorts = Pick<ControlPorts, 'ledger' | 'rotations' | 'checks'> & { readonly adapters: Adapters };
