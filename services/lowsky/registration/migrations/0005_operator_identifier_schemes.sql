-- Schemes of operators' identifiers are ids of the jurisdictions' data.
UPDATE operator_identifiers SET scheme = CASE scheme
    WHEN 'EU_OPERATOR_NUMBER' THEN 'eu-operator-number'
    WHEN 'CN_USCC' THEN 'cn-uscc'
    ELSE scheme
END;
