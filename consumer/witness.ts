import type { Held } from './keeper.ts';
import type { Outbox } from './outbox.ts';
import { inTime } from './pause.ts';
import { possessionProof } from './proof.ts';

export interface Witness {
  /** This version was used with success: proved once per epoch, by itself. */
  used(held: Held): void;
  /** We live on `before` while `held` is current. Returns once it is acknowledged, or after a short time. */
  fellBack(held: Held, before: Held): Promise<void>;
  /** `held` is current and refused, and there is nothing to fall back to. */
  refused(held: Held): Promise<void>;
}

export interface WitnessOptions {
  readonly outbox: Outbox;
  readonly credential: string;
  readonly consumer: string;
  readonly instance: string;
  readonly boot: string;
}

/** A report is waited for this long before the work goes on; it is sent until acknowledged all the same. */
const reportWait = 2_000;
/** A proof that was refused is made again no sooner than this: the next one would most likely be the same. */
const refusedProofWait = 30_000;

/** Remembers what was said about which epoch, so that each thing is said once, and again when it changes. */
export function openWitness({ outbox, credential, consumer, instance, boot }: WitnessOptions): Witness {
  let proved = 0;
  let heldOff = { epoch: 0, until: 0 };
  let reported: { readonly said: string; readonly sent: Promise<unknown> } | undefined;

  async function report(what: 'fell-back' | 'refused', epoch: number, version: string): Promise<void> {
    const said = `${what}/${String(epoch)}/${version}`;
    if (reported?.said !== said) {
      // The report withdraws the evidence of this epoch: a later success has to be proved anew.
      proved = 0;
      const body = { what, version, epoch, instance, boot };
      reported = { said, sent: outbox.send({ path: '/reports', epoch, body }) };
    }
    await inTime(reported.sent, reportWait);
  }

  return {
    used({ secret: { version, epoch }, value }) {
      if (value === undefined || epoch <= proved || (epoch === heldOff.epoch && Date.now() < heldOff.until)) return;
      proved = epoch;
      reported = undefined;
      const proof = possessionProof(value, { credential, version, epoch, consumer, instance });
      void outbox.send({ path: '/proofs', epoch, body: { version, epoch, instance, boot, proof } }).then((delivery) => {
        if (delivery === 'acknowledged' || proved !== epoch) return;
        proved = 0;
        heldOff = { epoch, until: Date.now() + refusedProofWait };
      });
    },
    fellBack: (held, before) => report('fell-back', held.secret.epoch, before.secret.version),
    refused: (held) => report('refused', held.secret.epoch, held.secret.version),
  };
}
