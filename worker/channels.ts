import type { Channel } from '../domain/notice.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { NotifyChannel } from '../inventory/notify.ts';
import { pagerDutyChannel } from '../outbound/pager-duty.ts';
import { slackChannel } from '../outbound/slack.ts';
import { webhookChannel } from '../outbound/webhook.ts';

/** The channels of `notify:`, each with its secret read where its reference points, at the moment of use. */
export function openChannels(
  notify: Readonly<Record<string, NotifyChannel>>,
  secret: (reference: string) => Promise<SecretMaterial>,
): readonly Channel[] {
  return Object.entries(notify).map(([name, channel]) => {
    const common = { name, tells: channel.tells, credential: () => secret(channel.secret) };
    switch (channel.kind) {
      case 'webhook':
        return webhookChannel({ ...common, url: channel.url });
      case 'pager-duty':
        return pagerDutyChannel({ ...common, address: channel.address });
      case 'slack':
        return slackChannel({ ...common, address: channel.address, channel: channel.channel });
    }
  });
}
