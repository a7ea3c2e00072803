SELECT id, bidder, seen_at FROM bids
WHERE seen_at > :since AND seen_at <= :until
