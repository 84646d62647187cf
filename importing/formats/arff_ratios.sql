-- Financial ratios with an outcome (ARFF, Polish bankruptcy sets): how its rows become rows of the ledger.

-- table customers: one row per firm
SELECT file, line, 'firm-' || lpad(row_number, 5, '0') AS customer_id, 'PL' AS country, false AS
    is_natural_person FROM firms;

-- table attributes: one row per firm and ratio that is given
SELECT file, line, customer_id, name, DATE '2007-12-31' AS observed_on, CAST(value AS VARCHAR) AS value
FROM (SELECT file, line, 'firm-' || lpad(row_number, 5, '0') AS customer_id, unnest(['ratio_01', 'ratio_02',
    'ratio_03', 'ratio_04', 'ratio_05', 'ratio_06', 'ratio_07', 'ratio_08', 'ratio_09', 'ratio_10', 'ratio_11',
    'ratio_12', 'ratio_13', 'ratio_14', 'ratio_15', 'ratio_16', 'ratio_17', 'ratio_18', 'ratio_19', 'ratio_20',
    'ratio_21', 'ratio_22', 'ratio_23', 'ratio_24', 'ratio_25', 'ratio_26', 'ratio_27', 'ratio_28', 'ratio_29',
    'ratio_30', 'ratio_31', 'ratio_32', 'ratio_33', 'ratio_34', 'ratio_35', 'ratio_36', 'ratio_37', 'ratio_38',
    'ratio_39', 'ratio_40', 'ratio_41', 'ratio_42', 'ratio_43', 'ratio_44', 'ratio_45', 'ratio_46', 'ratio_47',
    'ratio_48', 'ratio_49', 'ratio_50', 'ratio_51', 'ratio_52', 'ratio_53', 'ratio_54', 'ratio_55', 'ratio_56',
    'ratio_57', 'ratio_58', 'ratio_59', 'ratio_60', 'ratio_61', 'ratio_62', 'ratio_63', 'ratio_64']) AS name,
    unnest([ratio_01, ratio_02, ratio_03, ratio_04, ratio_05, ratio_06, ratio_07, ratio_08, ratio_09, ratio_10,
    ratio_11, ratio_12, ratio_13, ratio_14, ratio_15, ratio_16, ratio_17, ratio_18, ratio_19, ratio_20,
    ratio_21, ratio_22, ratio_23, ratio_24, ratio_25, ratio_26, ratio_27, ratio_28, ratio_29, ratio_30,
    ratio_31, ratio_32, ratio_33, ratio_34, ratio_35, ratio_36, ratio_37, ratio_38, ratio_39, ratio_40,
    ratio_41, ratio_42, ratio_43, ratio_44, ratio_45, ratio_46, ratio_47, ratio_48, ratio_49, ratio_50,
    ratio_51, ratio_52, ratio_53, ratio_54, ratio_55, ratio_56, ratio_57, ratio_58, ratio_59, ratio_60,
    ratio_61, ratio_62, ratio_63, ratio_64]) AS value
    FROM firms)
WHERE value IS NOT NULL;

-- table events: one row per firm that became insolvent
SELECT file, line, 'firm-' || lpad(row_number, 5, '0') || ':outcome' AS event_id, 'firm-' || lpad(row_number, 5,
    '0') AS customer_id, DATE '2008-12-31' AS
    occurred_on,
    'insolvency' AS kind, 'class 1: the label of the set' AS detail FROM firms WHERE is_bankrupt;
