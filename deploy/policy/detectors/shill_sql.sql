-- Bidders who outbid themselves and rarely win. The weights were set by hand.
SELECT * FROM (
    SELECT record_id, auction_id, bidder_id, seen_at, bidding_ratio, successive_outbidding,
           0.50 * successive_outbidding + 0.25 * bidding_ratio
               + 0.15 * winning_ratio + 0.10 * bidder_tendency AS p
    FROM bids
    WHERE seen_at > :since AND seen_at <= :until
) AS scored
WHERE p >= 0.4
