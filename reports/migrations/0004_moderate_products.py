"""Carry takedowns of products over from the vendor's column, where 0.1.0 kept them, into the moderators' own.

A product whose latest standing decision took it down is taken down again, also where its vendor
has put it on offer since: nobody but a moderator may lift a decision.
"""

from django.db import migrations

CARRY_OVER = """
    UPDATE orders_product AS product
    SET is_hidden = latest.action = 'hide',
        removed_at = CASE latest.action WHEN 'remove' THEN latest.created_at END,
        removal_reason = CASE latest.action WHEN 'remove' THEN latest.reason_id ELSE '' END,
        removal_ground = CASE WHEN latest.action <> 'remove' THEN '' WHEN latest.ground = 'illegal' THEN 'illegal'
            ELSE 'terms' END
    FROM (
        SELECT DISTINCT ON (decision.content_id)
            decision.content_id, decision.action, decision.created_at, decision.reason_id, reason.ground
        FROM reports_decision AS decision JOIN reports_reasoncode AS reason ON reason.code = decision.reason_id
        WHERE decision.content_type = 'product' AND decision.action IN ('hide', 'remove', 'restore')
            AND NOT EXISTS (SELECT FROM reports_decision AS later WHERE later.supersedes_id = decision.id)
        ORDER BY decision.content_id, decision.created_at DESC, decision.id DESC
    ) AS latest
    WHERE latest.content_id = product.id AND latest.action IN ('hide', 'remove')
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_undo_takes_as_many_people"), ("orders", "0006_product_moderation")]

    operations = [migrations.RunSQL(CARRY_OVER, migrations.RunSQL.noop)]
