SELECT * FROM bids WHERE seen_at > :since::timestamptz AND seen_at <= :until
